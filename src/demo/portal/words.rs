//! What the portal says, in the four languages of the provider's pages.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;

use super::cookies;

/// The languages, by the tags that links and `ui_locales` have, with the short names that links show and the whole ones that
/// begin with them.
pub(super) const LANGUAGES: [(&str, &str, &str); 4] = [
    ("uz-Latn", "Oʻz", "Oʻzbekcha"),
    ("uz-Cyrl", "Ўз", "Ўзбекча"),
    ("ru", "Ру", "Русский"),
    ("en", "En", "English"),
];

/// The cookie that remembers a language.
pub(super) const COOKIE: &str = "portal_language";

/// The words in one language: its place in [`LANGUAGES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Words(usize);

impl Words {
    /// In the language that a link chose, that was chosen before, or that the browser prefers; English where nothing is known.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let accepted = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let accepted = accepted.unwrap_or_default().split(',').find_map(|range| {
            let range = range.split(';').next().unwrap_or_default().trim();
            Self::tagged(range)
        });
        Self::chosen(request)
            .or_else(|| cookies::read(request, COOKIE).and_then(Self::tagged))
            .or(accepted)
            .unwrap_or(Self(3))
    }

    /// The language that a link chose.
    pub(super) fn chosen(request: &HttpRequest) -> Option<Self> {
        let pairs = request.query_string().split('&');
        pairs.rev().find_map(|pair| pair.strip_prefix("lang=")).and_then(Self::tagged)
    }

    fn tagged(tag: &str) -> Option<Self> {
        let tag = tag.to_ascii_lowercase();
        let is = |language: &str| tag == language || tag.starts_with(&format!("{language}-"));
        let place = if is("uz") {
            usize::from(tag.contains("cyrl"))
        } else if is("ru") {
            2
        } else {
            3
        };
        (place < 3 || is("en")).then_some(Self(place))
    }

    /// Whether it is the language of that tag.
    pub(super) fn is(self, tag: &str) -> bool {
        self.tag() == tag
    }

    /// Its tag.
    pub(super) fn tag(self) -> &'static str {
        LANGUAGES[self.0].0
    }

    /// The words under a key; the key itself where there are none, which a test prevents.
    pub(super) fn say(self, key: &str) -> &'static str {
        self.known(key).unwrap_or("…")
    }

    /// The words under a key, if there are any.
    pub(super) fn known(self, key: &str) -> Option<&'static str> {
        WORDS.iter().find(|(known, _)| *known == key).map(|(_, words)| words[self.0])
    }

    /// The words under a key with a value in its place.
    pub(super) fn with(self, key: &str, value: &str) -> String {
        self.say(key).replacen("{}", value, 1)
    }

    /// The words under a key before and after its value, which needs markup.
    pub(super) fn around(self, key: &str) -> (&'static str, &'static str) {
        self.say(key).split_once("{}").unwrap_or((self.say(key), ""))
    }

    /// A day: "17 May 1990".
    pub(super) fn date(self, day: &str, month: usize, year: &str) -> Option<String> {
        let month = MONTHS[self.0].get(month.checked_sub(1)?)?;
        Some(match self.0 {
            0 => format!("{year}-yil {day}-{month}"),
            1 => format!("{year} йил {day} {month}"),
            2 => format!("{day} {month} {year} года"),
            _ => format!("{day} {month} {year}"),
        })
    }
}

const MONTHS: [[&str; 12]; 4] = [
    [
        "yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avgust", "sentabr", "oktabr", "noyabr",
        "dekabr",
    ],
    [
        "январь",
        "февраль",
        "март",
        "апрель",
        "май",
        "июнь",
        "июль",
        "август",
        "сентябрь",
        "октябрь",
        "ноябрь",
        "декабрь",
    ],
    [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
];

/// The words by key, in the order of [`LANGUAGES`].
#[rustfmt::skip]
const WORDS: &[(&str, [&str; 4])] = &[
    ("skip", ["Mazmunga oʻtish", "Мазмунга ўтиш", "К содержанию", "Skip to the content"]),
    ("services", ["Xizmatlar", "Хизматлар", "Сервисы", "Services"]),
    ("language", ["Til", "Тил", "Язык", "Language"]),
    ("invented", ["Namoyish: bu yerdagi barcha shaxslar va raqamlar oʻylab topilgan.", "Намойиш: бу ердаги барча шахслар ва рақамлар ўйлаб топилган.", "Демонстрация: все люди и номера здесь вымышлены.", "A demonstration: every person and number here is made up."]),
    ("phone", ["Bu namoyishda telefoningiz shu yerda: {}", "Бу намойишда телефонингиз шу ерда: {}", "В этой демонстрации Ваш телефон здесь: {}", "In this demo your phone is here: {}"]),
    ("welcome", ["Xush kelibsiz", "Хуш келибсиз", "Добро пожаловать", "Welcome"]),
    ("welcome_name", ["Xush kelibsiz, {}", "Хуш келибсиз, {}", "Здравствуйте, {}", "Welcome, {}"]),
    ("front", ["Kirish", "Кириш", "Вход", "Sign in"]),
    ("front_state", ["Davlat xizmatlari bir joyda", "Давлат хизматлари бир жойда", "Государственные услуги в одном месте", "State services in one place"]),
    ("front_state_lead", ["Maʼlumotnomalar, navbatlar, toʻlovlar: telefon orqali bir marta kiring va foydalaning.", "Маълумотномалар, навбатлар, тўловлар: телефон орқали бир марта киринг ва фойдаланинг.", "Справки, очереди, платежи: войдите один раз с помощью телефона и пользуйтесь.", "Certificates, queues, payments: sign in once, with your phone, and they are yours."]),
    ("front_shop", ["Yangi roʻyxatdan oʻtmasdan xarid qiling", "Янги рўйхатдан ўтмасдан харид қилинг", "Покупайте без новой регистрации", "Shop with an account you already have"]),
    ("front_shop_lead", ["{} davlat idorasi emas, balki kompaniya. Yagona unga biror maʼlumot berishdan oldin Sizdan ruxsat soʻraydi.", "{} давлат идораси эмас, балки компания. Yagona унга бирор маълумот беришдан олдин Сиздан рухсат сўрайди.", "{} — компания, а не госорган. Yagona спросит Вас, что ей можно узнать, прежде чем что-либо сообщить.", "{} is a company, not a state body. Yagona will ask you what it may know before it tells it anything."]),
    ("sign_in", ["Yagona orqali kirish", "Yagona орқали кириш", "Войти через Yagona", "Sign in with Yagona"]),
    ("need_phone", ["Telefoningiz kerak boʻladi: unga SMS orqali kod keladi.", "Телефонингиз керак бўлади: унга SMS орқали код келади.", "Понадобится телефон: на него придёт SMS с кодом.", "You will need your phone: a code comes to it by SMS."]),
    ("ways", ["Sinab koʻrishning boshqa usullari", "Синаб кўришнинг бошқа усуллари", "Другие способы попробовать", "Other ways to try it"]),
    ("way_language", ["Boshqa tilda", "Бошқа тилда", "На другом языке", "In another language"]),
    ("way_again", ["Yagona tizimiga kirgansiz, lekin yana soʻrasin", "Yagona тизимига киргансиз, лекин яна сўрасин", "Вы уже вошли в Yagona, но пусть спросит снова", "Signed in at Yagona already, but ask anyway"]),
    ("way_again_link", ["Boshidan qayta kirish", "Бошидан қайта кириш", "Войти заново с самого начала", "Sign in again from the start"]),
    ("way_consent", ["Maʼlumotlaringiz haqidagi savolni yana koʻrish", "Маълумотларингиз ҳақидаги саволни яна кўриш", "Снова увидеть вопрос о Ваших данных", "See the question about your data again"]),
    ("way_consent_link", ["Rozilik soʻrash", "Розилик сўраш", "Спросить моё согласие", "Ask for my consent"]),
    ("way_consent_offline", ["Keyingi safarlar uchun ham rozilik soʻrash", "Кейинги сафарлар учун ҳам розилик сўраш", "Спросить моё согласие, также на будущее", "Ask for my consent, also for later"]),
    ("way_state", ["Davlat idorasi, bepul", "Давлат идораси, бепул", "Госорган, бесплатно", "A state body, free of charge"]),
    ("way_shop", ["Kompaniya, faqat Sizning roziligingiz bilan", "Компания, фақат Сизнинг розилигингиз билан", "Компания, только с Вашего согласия", "A company, only with your consent"]),
    ("sign_in_to", ["{} xizmatiga kirish", "{} хизматига кириш", "Войти в {}", "Sign in to {}"]),
    ("mine", ["Sizning sahifangiz", "Сизнинг саҳифангиз", "Ваша страница", "Your page"]),
    ("mine_lead", ["Siz {} xizmatiga kirdingiz. Unga Siz haqingizda quyidagilar maʼlum qilindi.", "Сиз {} хизматига кирдингиз. Унга Сиз ҳақингизда қуйидагилар маълум қилинди.", "Вы вошли в {}. Вот что ему сообщили о Вас.", "You are signed in to {}. This is what it was told about you."]),
    ("about_you", ["Siz haqingizda", "Сиз ҳақингизда", "О Вас", "About you"]),
    ("about_nothing", ["Faqat bu Siz ekaningiz.", "Фақат бу Сиз эканингиз.", "Только то, что это Вы.", "Nothing but the fact that it is you."]),
    ("sign_out", ["Chiqish", "Чиқиш", "Выйти", "Sign out"]),
    ("read_again", ["Maʼlumotlarimni qayta oʻqish", "Маълумотларимни қайта ўқиш", "Прочитать мои данные снова", "Read my data again"]),
    ("received", ["Portal nimani oldi (ingliz tilida)", "Портал нимани олди (инглиз тилида)", "Что получил портал (на английском)", "What the portal received (in English)"]),
    ("goodbye", ["Xayr", "Хайр", "До свидания", "Goodbye"]),
    ("signed_out", ["Siz tizimdan chiqdingiz", "Сиз тизимдан чиқдингиз", "Вы вышли", "You are signed out"]),
    ("signed_out_here", ["Siz bu yerdan chiqdingiz.", "Сиз бу ердан чиқдингиз.", "Вы вышли здесь.", "You are signed out here."]),
    ("signed_out_everywhere", ["Siz bu yerdan va Yagona tizimidan chiqdingiz.", "Сиз бу ердан ва Yagona тизимидан чиқдингиз.", "Вы вышли здесь и в Yagona.", "You are signed out here and at Yagona."]),
    ("sign_in_again", ["Qayta kirish", "Қайта кириш", "Войти снова", "Sign in again"]),
    ("privacy", ["Maxfiylik siyosati", "Махфийлик сиёсати", "Политика конфиденциальности", "Privacy policy"]),
    ("privacy_title", ["Bu portal maʼlumotlaringiz bilan nima qiladi", "Бу портал маълумотларингиз билан нима қилади", "Что этот портал делает с Вашими данными", "What this portal does with your data"]),
    ("privacy_lead", ["Ularni Sizga koʻrsatadi, chiqqaningizgacha xotirada saqlaydi va hech kimga bermaydi. Namoyishdagi shaxslar mavjud emas.", "Уларни Сизга кўрсатади, чиққанингизгача хотирада сақлайди ва ҳеч кимга бермайди. Намойишдаги шахслар мавжуд эмас.", "Он показывает их Вам, хранит в памяти до выхода и никому не передаёт. Людей из демонстрации не существует.", "It shows them to you, keeps them in memory until you sign out, and passes them on to nobody. The people of the demo do not exist."]),
    ("back", ["Xizmatga qaytish", "Хизматга қайтиш", "Вернуться в сервис", "Back to the service"]),
    ("begin_again", ["Qaytadan boshlash", "Қайтадан бошлаш", "Начать заново", "Begin again"]),
    ("front_page", ["Bosh sahifa", "Бош саҳифа", "Главная страница", "Front page"]),
    ("support_code", ["Yordam xizmati uchun kod", "Ёрдам хизмати учун код", "Код для службы поддержки", "Code for support"]),
    ("quoted", ["Nima deyildi (ingliz tilida)", "Нима дейилди (инглиз тилида)", "Что было сказано (на английском)", "What was said (in English)"]),
    ("again", ["Xizmatga hech narsa yuborilmadi. Qaytadan boshlashingiz mumkin.", "Хизматга ҳеч нарса юборилмади. Қайтадан бошлашингиз мумкин.", "Сервису ничего не передано. Можно начать заново.", "Nothing was sent to the service. You can begin again."]),
    ("refused", ["Siz rad etdingiz", "Сиз рад этдингиз", "Вы отказались", "You refused"]),
    ("refused_lead", ["Siz kirmaslikka qaror qildingiz, shuning uchun {} Siz haqingizda hech narsa olmadi.", "Сиз кирмасликка қарор қилдингиз, шунинг учун {} Сиз ҳақингизда ҳеч нарса олмади.", "Вы решили не входить, поэтому {} ничего о Вас не получил.", "You decided not to sign in, so {} received nothing about you."]),
    ("refused_advice", ["Fikringizdan qaytsangiz, istalgan vaqtda qaytadan boshlashingiz mumkin.", "Фикрингиздан қайтсангиз, исталган вақтда қайтадан бошлашингиз мумкин.", "Если передумаете, можно начать заново в любое время.", "If you change your mind, you can begin again at any time."]),
    ("not_signed_in", ["Siz tizimga kirmadingiz", "Сиз тизимга кирмадингиз", "Вход не выполнен", "You are not signed in"]),
    ("not_signed_in_lead", ["Yagona Sizni tizimga kirita olmadi.", "Yagona Сизни тизимга кирита олмади.", "Yagona не смогла выполнить вход.", "Yagona could not sign you in."]),
    ("unreachable", ["Yagona javob bermayapti", "Yagona жавоб бермаяпти", "Yagona не отвечает", "Yagona does not answer"]),
    ("unreachable_lead", ["Kirish xizmati hozir ishlamayapti. Bu Sizning xatoingiz emas.", "Кириш хизмати ҳозир ишламаяпти. Бу Сизнинг хатоингиз эмас.", "Служба входа сейчас недоступна. Это не Ваша ошибка.", "The sign-in service cannot be reached at the moment. This is not your mistake."]),
    ("unreachable_advice", ["Biroz kuting va qayta urinib koʻring.", "Бироз кутинг ва қайта уриниб кўринг.", "Подождите немного и попробуйте снова.", "Wait a little and try again."]),
    ("used", ["Bu sahifa avval ochilgan", "Бу саҳифа аввал очилган", "Эта страница уже открывалась", "This page was opened before"]),
    ("used_lead", ["Bu manzil tugagan yoki juda oldin boshlangan kirishga tegishli.", "Бу манзил тугаган ёки жуда олдин бошланган киришга тегишли.", "Этот адрес относится к входу, который завершён или начат слишком давно.", "This address belongs to a sign-in that is finished, or began too long ago."]),
    ("strange", ["Bu kirish boshqa joyda boshlangan", "Бу кириш бошқа жойда бошланган", "Этот вход начат в другом месте", "This sign-in began elsewhere"]),
    ("strange_lead", ["U boshqa brauzerda boshlangan yoki bu brauzer uni endi eslamaydi.", "У бошқа браузерда бошланган ёки бу браузер уни энди эсламайди.", "Он начат в другом браузере, или этот браузер его уже не помнит.", "It was begun in another browser, or this browser no longer remembers it."]),
    ("strange_advice", ["Shu yerda qaytadan boshlang va bu sayt uchun cookie fayllariga ruxsat bering.", "Шу ерда қайтадан бошланг ва бу сайт учун cookie файлларига рухсат беринг.", "Начните заново здесь и разрешите этому сайту файлы cookie.", "Begin again here, and allow cookies for this site."]),
    ("broken", ["Manzil toʻliq emas", "Манзил тўлиқ эмас", "Адрес неполный", "This address is not complete"]),
    ("broken_lead", ["Manzilning bir qismi yoʻlda yoʻqolgan.", "Манзилнинг бир қисми йўлда йўқолган.", "Часть адреса потерялась по дороге.", "Something was lost from the address on the way."]),
    ("foreign", ["Bu javob Yagona tizimidan emas", "Бу жавоб Yagona тизимидан эмас", "Этот ответ не от Yagona", "This answer is not from Yagona"]),
    ("foreign_lead", ["Unda boshqa kirish xizmati koʻrsatilgan, shuning uchun rad etildi.", "Унда бошқа кириш хизмати кўрсатилган, шунинг учун рад этилди.", "В нём названа другая служба входа, поэтому он отклонён.", "It names another sign-in service, so it was refused."]),
    ("unproven_lead", ["Yagona javobini tekshirib boʻlmadi, shuning uchun u rad etildi.", "Yagona жавобини текшириб бўлмади, шунинг учун у рад этилди.", "Ответ Yagona не удалось проверить, поэтому он отклонён.", "What came back from Yagona could not be verified, so it was refused."]),
    ("unproven_advice", ["Qayta urinib koʻring; takrorlansa, yordam xizmatimizga quyidagi kodni ayting.", "Қайта уриниб кўринг; такрорланса, ёрдам хизматимизга қуйидаги кодни айтинг.", "Попробуйте снова; если это повторится, назовите нашей службе поддержки код, указанный ниже.", "Try again; if it happens twice, tell our support the code below."]),
    ("nowhere", ["Bunday sahifa yoʻq", "Бундай саҳифа йўқ", "Такой страницы нет", "There is no such page"]),
    ("nowhere_lead", ["Manzil eskirgan yoki xato yozilgan boʻlishi mumkin.", "Манзил эскирган ёки хато ёзилган бўлиши мумкин.", "Возможно, адрес устарел или введён с опечаткой.", "The address may be old or mistyped."]),
    ("nowhere_advice", ["Bosh sahifaga oʻting va oʻsha yerdan boshlang.", "Бош саҳифага ўтинг ва ўша ердан бошланг.", "Перейдите на главную страницу и начните оттуда.", "Go to the front page and begin there."]),
    ("way_counter", ["Xodim Sizdan manzilingizni soʻraydi, Siz telefonda javob berasiz", "Ходим Сиздан манзилингизни сўрайди, Сиз телефонда жавоб берасиз", "Сотрудник запрашивает Ваш адрес, Вы отвечаете с телефона", "A clerk asks for your address, and you answer on your phone"]),
    ("counter", ["Xizmat oynasi", "Хизмат ойнаси", "Окно обслуживания", "Service counter"]),
    ("counter_lead", ["Xodim oynadagi odamning manzilini soʻraydi. U odam telefonida rozi boʻlmaguncha hech narsa kelmaydi.", "Ходим ойнадаги одамнинг манзилини сўрайди. У одам телефонида рози бўлмагунча ҳеч нарса келмайди.", "Сотрудник запрашивает адрес человека, который стоит у окна. Пока тот не согласится на своём телефоне, ничего не придёт.", "A clerk asks for the address of the person at the counter. Nothing comes before that person agrees on their phone."]),
    ("counter_number", ["Odamning telefon raqami", "Одамнинг телефон рақами", "Номер телефона человека", "The person’s phone number"]),
    ("counter_why", ["Nima uchun", "Нима учун", "Для чего", "What for"]),
    ("counter_purpose", ["Yashash joyi boʻyicha roʻyxatga olish", "Яшаш жойи бўйича рўйхатга олиш", "Регистрация по месту жительства", "Registration at the place of residence"]),
    ("counter_talon", ["Talon 17", "Талон 17", "Талон 17", "Ticket 17"]),
    ("counter_ask", ["Manzilni soʻrash", "Манзилни сўраш", "Запросить адрес", "Ask for the address"]),
    ("counter_short", ["Javobga atigi 10 soniya berish", "Жавобга атиги 10 сония бериш", "Дать на ответ всего 10 секунд", "Give only 10 seconds to answer"]),
    ("counter_outside", ["Shartnomada yoʻq maqsadda soʻrash: reklama", "Шартномада йўқ мақсадда сўраш: реклама", "Запросить для цели, которой нет в договоре: реклама", "Ask for a purpose that the contract does not have: advertising"]),
    ("counter_other_purpose", ["Reklama yuborish", "Реклама юбориш", "Рассылка рекламы", "To send advertising"]),
    ("counter_law", ["Soʻramasdan, qonunga koʻra", "Сўрамасдан, қонунга кўра", "Без вопроса, по закону", "Without asking, by law"]),
    ("counter_law_lead", ["Uy-joy reestri manzilni qonunga koʻra oladi. Odamdan soʻralmaydi, lekin uning kabinetiga xabarnoma keladi.", "Уй-жой реестри манзилни қонунга кўра олади. Одамдан сўралмайди, лекин унинг кабинетига хабарнома келади.", "Жилищный реестр получает адрес по закону. Человека не спрашивают, но в его кабинет приходит уведомление.", "The housing register may have the address by law. The person is not asked, but a notice comes to their page."]),
    ("counter_take", ["Manzilni olish", "Манзилни олиш", "Получить адрес", "Get the address"]),
    ("counter_waiting", ["Javob kutilmoqda", "Жавоб кутилмоқда", "Ждём ответа", "Waiting for the answer"]),
    ("counter_waiting_lead", ["Telefonga SMS bordi: unda kod va sahifa manzili bor. Odam rozi boʻlishi yoki rad etishi mumkin.", "Телефонга SMS борди: унда код ва саҳифа манзили бор. Одам рози бўлиши ёки рад этиши мумкин.", "На телефон ушло SMS с кодом и адресом страницы. Человек может согласиться или отказать.", "An SMS went to the phone, with a code and the address of a page. The person may agree or refuse."]),
    ("counter_looks", ["Bu sahifa oʻzi qayta tekshiradi.", "Бу саҳифа ўзи қайта текширади.", "Эта страница проверяет сама.", "This page looks again by itself."]),
    ("counter_look", ["Hozir tekshirish", "Ҳозир текшириш", "Проверить сейчас", "Look now"]),
    ("counter_agreed", ["Odam rozi boʻldi", "Одам рози бўлди", "Человек согласился", "The person agreed"]),
    ("counter_once", ["Maʼlumot shu maqsad uchun bir marta olindi.", "Маълумот шу мақсад учун бир марта олинди.", "Данные получены один раз, для этой цели.", "The data came once, for this purpose."]),
    ("counter_by_law", ["Qonunga koʻra olindi", "Қонунга кўра олинди", "Получено по закону", "Received by law"]),
    ("counter_noticed", ["Odamga xabarnoma berildi: kim, nimani va nima uchun olgani.", "Одамга хабарнома берилди: ким, нимани ва нима учун олгани.", "Человек уведомлён о том, кто, что и для чего получил.", "The person was told by a notice who received what, and what for."]),
    ("counter_refused", ["Odam rad etdi", "Одам рад этди", "Человек отказал", "The person refused"]),
    ("counter_lapsed", ["Hech kim oʻz vaqtida javob bermadi", "Ҳеч ким ўз вақтида жавоб бермади", "Никто не ответил вовремя", "Nobody answered in time"]),
    ("counter_not_allowed", ["Soʻrov rad etildi", "Сўров рад этилди", "Запрос отклонён", "The request was refused"]),
    ("counter_unreachable", ["Yagona javob bermayapti", "Yagona жавоб бермаяпти", "Yagona не отвечает", "Yagona does not answer"]),
    ("counter_nothing", ["Oynaga hech qanday maʼlumot kelmadi.", "Ойнага ҳеч қандай маълумот келмади.", "В окно не поступило никаких данных.", "No data came to the counter."]),
    ("counter_again", ["Xizmat oynasiga qaytish", "Хизмат ойнасига қайтиш", "Вернуться к окну", "Back to the counter"]),
    ("counter_source", ["Manba", "Манба", "Источник", "Source"]),
    ("counter_as_of", ["Qaysi kun holatiga", "Қайси кун ҳолатига", "По состоянию на", "As of"]),
    ("counter_for", ["Maqsad", "Мақсад", "Цель", "Purpose"]),
    ("counter_entry", ["Kirishlar daftaridagi yozuv", "Киришлар дафтаридаги ёзув", "Запись в журнале доступа", "Entry in the ledger"]),
    ("source_test_data", ["Namoyish uchun oʻylab topilgan", "Намойиш учун ўйлаб топилган", "Вымышленные данные демонстрации", "Made up for the demonstration"]),
    ("source_mobile_id", ["Mobil-ID yozuvi", "Мобил-ID ёзуви", "Запись Mobile-ID", "The Mobile-ID record"]),
    ("source_internal_affairs", ["Ichki ishlar vazirligidan", "Ички ишлар вазирлигидан", "Из Министерства внутренних дел", "From the Ministry of Internal Affairs"]),
    ("source_tax_committee", ["Soliq qoʻmitasidan", "Солиқ қўмитасидан", "Из Налогового комитета", "From the Tax Committee"]),
    ("source_employment_ministry", ["Bandlik vazirligidan", "Бандлик вазирлигидан", "Из министерства занятости", "From the ministry of employment"]),
    ("yes", ["Ha", "Ҳа", "Да", "Yes"]),
    ("no", ["Yoʻq", "Йўқ", "Нет", "No"]),
    ("male", ["Erkak", "Эркак", "Мужской", "Male"]),
    ("female", ["Ayol", "Аёл", "Женский", "Female"]),
    ("name", ["Ism", "Исм", "Имя", "Name"]),
    ("family_name", ["Familiya", "Фамилия", "Фамилия", "Surname"]),
    ("given_name", ["Ism", "Исм", "Имя", "Given name"]),
    ("middle_name", ["Otasining ismi", "Отасининг исми", "Отчество", "Patronymic"]),
    ("birthdate", ["Tugʻilgan sana", "Туғилган сана", "Дата рождения", "Date of birth"]),
    ("gender", ["Jins", "Жинс", "Пол", "Sex"]),
    ("pinfl", ["JSHSHIR", "ЖШШИР", "ПИНФЛ", "Personal identification number (JSHSHIR)"]),
    ("document", ["Shaxsni tasdiqlovchi hujjat", "Шахсни тасдиқловчи ҳужжат", "Документ, удостоверяющий личность", "Identity document"]),
    ("citizenship", ["Fuqarolik", "Фуқаролик", "Гражданство", "Citizenship"]),
    ("phone_number", ["Telefon raqami", "Телефон рақами", "Номер телефона", "Phone number"]),
    ("phone_number_verified", ["Telefon raqami tasdiqlangan", "Телефон рақами тасдиқланган", "Номер телефона подтверждён", "Phone number is confirmed"]),
    ("email", ["Elektron pochta", "Электрон почта", "Электронная почта", "E-mail"]),
    ("email_verified", ["Elektron pochta tasdiqlangan", "Электрон почта тасдиқланган", "Электронная почта подтверждена", "E-mail is confirmed"]),
    ("address", ["Manzil", "Манзил", "Адрес", "Address"]),
    ("updated_at", ["Oxirgi oʻzgarish", "Охирги ўзгариш", "Последнее изменение", "Last changed"]),
    ("kind", ["Turi", "Тури", "Вид", "Kind"]),
    ("number", ["Raqami", "Рақами", "Номер", "Number"]),
    ("issuer", ["Kim tomonidan berilgan", "Ким томонидан берилган", "Кем выдан", "Issued by"]),
    ("issued_on", ["Berilgan sana", "Берилган сана", "Дата выдачи", "Issued on"]),
    ("expires_on", ["Amal qilish muddati", "Амал қилиш муддати", "Действует до", "Valid until"]),
    ("country", ["Davlat", "Давлат", "Страна", "Country"]),
    ("region", ["Viloyat", "Вилоят", "Область", "Region"]),
    ("locality", ["Tuman yoki shahar", "Туман ёки шаҳар", "Район или город", "District or city"]),
    ("street_address", ["Koʻcha va uy", "Кўча ва уй", "Улица и дом", "Street and house"]),
    ("postal_code", ["Pochta indeksi", "Почта индекси", "Почтовый индекс", "Postal code"]),
    ("document_number", ["Hujjat raqami", "Ҳужжат рақами", "Номер документа", "Document number"]),
    ("document_valid", ["Hujjat amal qiladi", "Ҳужжат амал қилади", "Документ действителен", "Document is valid"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn every_word_that_is_asked_for_is_there() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/demo");
        let pages: Vec<String> = std::fs::read_dir(root)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        let all = pages.concat() + include_str!("page.rs") + include_str!("counter.rs");
        for call in ["say(\"", "around(\"", "with(\""] {
            for key in all.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(Words(3).known(key).is_some(), "{key}");
            }
        }
        for (key, words) in WORDS {
            let places = words.map(|text| text.matches("{}").count());
            assert!(places.iter().all(|count| *count == places[0]) && places[0] < 2, "{key}");
        }
    }

    #[test]
    fn the_language_is_that_of_the_link_the_cookie_or_the_browser() {
        let of = |uri: &str, cookie: &str, accepted: &str| {
            let request = TestRequest::get().uri(uri).insert_header(("Cookie", cookie));
            Words::of(&request.insert_header(("Accept-Language", accepted)).to_http_request()).tag()
        };
        assert_eq!(of("/?lang=ru", "portal_language=en", "uz"), "ru");
        assert_eq!(of("/?lang=xx", "portal_language=uz-Cyrl", "ru"), "uz-Cyrl");
        assert_eq!(of("/", "a=b", "de, uz;q=0.8, en;q=0.5"), "uz-Latn");
        assert_eq!(of("/", "a=b", "de"), "en");
    }
}
